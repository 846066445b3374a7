/** What names and places are made of. */
export const FIRST = ['Aarav', 'Aditi', 'Ananya', 'Arjun', 'Deepa', 'Dev', 'Farhan', 'Gauri', 'Ishaan', 'Kavya', 'Kiran', 'Lakshmi', 'Meera', 'Neha', 'Nikhil', 'Priya', 'Rahul', 'Riya', 'Rohan', 'Sana', 'Sanjay', 'Tara', 'Varun', 'Zoya'];
export const LAST = ['Agarwal', 'Bhat', 'Chopra', 'Das', 'Fernandes', 'Gupta', 'Iyer', 'Joshi', 'Kapoor', 'Khan', 'Kulkarni', 'Mehta', 'Menon', 'Nair', 'Patel', 'Rao', 'Reddy', 'Shah', 'Sharma', 'Singh', 'Thomas', 'Verma'];
export const BUSINESS = ['Blue Lotus', 'Banyan', 'Copper Kettle', 'Desi Threads', 'Everyday Spice', 'Ganga Books', 'Happy Paws', 'Indigo Crafts', 'Jaipur Prints', 'Kitchen Raja', 'Lotus Beauty', 'Mango Tree', 'Nila Home', 'Orchid Audio', 'Peacock Shoes', 'Rangoli Toys', 'Saffron Foods', 'Tulsi Wellness', 'Urban Chai', 'Veda Organics'];
export const KIND = ['Stores', 'Retail', 'Online', 'Trading', 'Brands', 'Collective', 'Exports', 'Bazaar'];
export const PRODUCTS = ['Cotton kurta', 'Brass lamp', 'Masala box', 'Running shoes', 'Face cream', 'Story book', 'Steel bottle', 'Phone case', 'Yoga mat', 'Tea gift set', 'Silk scarf', 'Desk lamp'];
export const COURIERS = ['BlueLine', 'Xpress', 'SwiftShip', 'Dakiya', 'EcoCargo'];

/** The first digits of the pincodes, the state, and what kind of area most of it is. */
export const STATES = [
  { prefix: '11', state: 'Delhi', area: 'metro' },
  { prefix: '12', state: 'Haryana', area: 'standard' },
  { prefix: '14', state: 'Punjab', area: 'standard' },
  { prefix: '19', state: 'Jammu and Kashmir', area: 'remote' },
  { prefix: '20', state: 'Uttar Pradesh', area: 'standard' },
  { prefix: '30', state: 'Rajasthan', area: 'standard' },
  { prefix: '38', state: 'Gujarat', area: 'standard' },
  { prefix: '40', state: 'Maharashtra', area: 'metro' },
  { prefix: '46', state: 'Madhya Pradesh', area: 'standard' },
  { prefix: '50', state: 'Telangana', area: 'metro' },
  { prefix: '56', state: 'Karnataka', area: 'metro' },
  { prefix: '60', state: 'Tamil Nadu', area: 'metro' },
  { prefix: '68', state: 'Kerala', area: 'standard' },
  { prefix: '70', state: 'West Bengal', area: 'metro' },
  { prefix: '79', state: 'Assam', area: 'remote' },
] as const;
